// Values far above 1: only the float formats keep them.
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 angle 50 right x*image_width/image_height }
light_source { <3, 5, -4> rgb 40 }
sphere { 0, 1 pigment { rgb <0.9, 0.2, 0.01> } finish { specular 1 } }
plane { -z, -3 pigment { gradient x color_map { [0 rgb 0.0001] [1 rgb 5] } } finish { ambient 1 diffuse 0 } }
