// Needs a folder that only +L names.
#version 3.7;
#include "colour_of_the_library.inc"
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 angle 50 right x*image_width/image_height }
light_source { <3, 5, -4> rgb 1 }
sphere { 0, 1 pigment { Colour } }
