// Opaque, half and fully transparent pixels, edges included: alpha must be kept.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 angle 50 right x*image_width/image_height }
background { rgbt <0.9, 0.5, 0.1, 1> }
light_source { <3, 5, -4> rgb 1.2 }
sphere { <-0.6, 0.3, 0>, 0.9 pigment { rgbt <1, 0.1, 0.05, 0.6> } }
sphere { <0.7, -0.3, 0>, 0.8 pigment { checker rgb <0.1, 0.9, 0.3>, rgbt <0.2, 0.3, 1, 0.3> scale 0.2 } }
