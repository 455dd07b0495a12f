// Radiosity: POV-Ray goes through such a picture twice, and its state file has previews in it.
#version 3.7;
global_settings {
  assumed_gamma 1
  radiosity { pretrace_start 0.08 pretrace_end 0.02 count 20 recursion_limit 1 }
}
camera { location <0, 1, -4> look_at 0 }
background { rgb <0.4, 0.6, 0.9> }
plane { y, -1 pigment { checker rgb 1 rgb <1, 0.3, 0.2> } }
sphere { 0, 1 pigment { rgb <0.9, 0.9, 0.5> } }
