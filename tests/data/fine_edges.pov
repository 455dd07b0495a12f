// Edges finer than a pixel everywhere: antialiasing and every cut show at once.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 6 }
camera { location <0, 1.5, -4> look_at <0, 0.4, 0> angle 55 right x*image_width/image_height }
background { rgb <0.3, 0.5, 0.8> }
light_source { <3, 6, -4> rgb 1 }
plane { y, -0.5 pigment { checker rgb <0.9, 0.8, 0.2>, rgb <0.05, 0.1, 0.2> scale 0.3 } }
sphere { <0, 0.5, 0>, 0.9
  pigment { bozo color_map { [0 rgb <1, 0.1, 0.05>] [0.5 rgb <0.1, 0.9, 0.3>] [1 rgb 0.9] } scale 0.1 }
  normal { bumps 0.4 scale 0.05 }
  finish { specular 0.9 reflection 0.2 } }
torus { 1.3, 0.02 rotate <70, 10, 0> translate 0.5*y pigment { rgb 1 } }
