// All pixels depend on the order of tracing: POV-Ray's random numbers run on from one to the next.
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 2, -6> look_at 0 }
light_source { <5, 8, -6> 1 area_light x * 3, z * 3, 5, 5 jitter adaptive 1 }
plane { y, -1 pigment { rgb 1 } }
sphere { <clock, 0, 0>, 1 pigment { rgb <1, .5, .2> } finish { crand 0.1 } }
