// Focal blur: each pixel is a mean over rays that are drawn by lot, from the pixel's place.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1.5, -4> look_at <0, 0.4, 0> angle 55 right x*image_width/image_height
  aperture 0.4 blur_samples 12 focal_point <0, 0.5, -1> }
light_source { <3, 6, -4> rgb 1 }
plane { y, -0.5 pigment { checker rgb 0.9, rgb <0.05, 0.1, 0.2> scale 0.4 } }
sphere { <0, 0.5, 0>, 0.9 pigment { rgb <1, 0.3, 0.1> } }
