// Eighty mirrors over a checkered floor: some seconds of work, dearest in the middle rows.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 12 }
camera { location <0, 4, -11> look_at <0, 0.6, 0> angle 48 }
light_source { <-30, 40, -30> rgb 1 }
light_source { <25, 20, -25> rgb <0.3, 0.3, 0.4> }
background { rgb <0.4, 0.55, 0.8> }
plane { y, -1
  pigment { checker rgb 0.9, rgb <0.2, 0.3, 0.25> }
  finish { diffuse 0.7 reflection 0.15 }
}
#declare Seed = seed(7);
#for (I, 1, 80)
  sphere { <8 * rand(Seed) - 4, 4 * rand(Seed) - 1, 8 * rand(Seed) - 4>, 0.25 + 0.5 * rand(Seed)
    pigment { rgb <rand(Seed), rand(Seed), rand(Seed)> }
    finish { diffuse 0.4 specular 0.6 roughness 0.02 reflection 0.5 }
  }
#end
