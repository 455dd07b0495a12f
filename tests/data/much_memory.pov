// Needs 320 MB at one line; where there are less, POV-Ray calls it a parse error.
#version 3.7;
global_settings { assumed_gamma 1.0 }
#declare Cells = array[40000000]
camera { location <0, 0, -4> look_at 0 angle 50 right x*image_width/image_height }
light_source { <3, 5, -4> rgb 1 }
sphere { 0, 1 pigment { checker rgb 1, rgb <0.1, 0.5, 0.2> scale 0.3 } }
