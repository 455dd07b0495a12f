// An area light without jitter: the samples of a shadow are the same in every cut.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1.5, -4> look_at <0, 0.4, 0> angle 55 right x*image_width/image_height }
light_source { <3, 6, -4> rgb 1 area_light <2, 0, 0>, <0, 0, 2>, 4, 4 adaptive 1 }
plane { y, -0.5 pigment { rgb 0.8 } }
sphere { <0, 0.5, 0>, 0.7 pigment { rgb <1, 0.3, 0.1> } }
