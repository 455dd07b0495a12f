#version 3.7;
#include "nowhere_to_be_found.inc"
