// The error is in line 4.
#version 3.7;
camera { location <0, 0, -4> look_at 0 }
sphere { 0, 1 pigment { colour_of_the_rainbow } }
