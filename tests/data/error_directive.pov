#version 3.7;
#error "the moon is not made of cheese"
