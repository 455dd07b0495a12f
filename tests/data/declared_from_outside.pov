// Is another picture with Declare=Spheres=3.
#version 3.7;
#ifndef (Spheres) #declare Spheres = 1; #end
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -6> look_at 0 angle 50 right x*image_width/image_height }
light_source { <3, 5, -4> rgb 1 }
#for (I, 1, Spheres)
  sphere { <I - 2, 0, 0>, 0.6 pigment { rgb <1, 0.3, 0.1 * I> } }
#end
