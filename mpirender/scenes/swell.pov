// swell.pov - a kinetic sculpture: polished drops on threads, through which a wave runs
//
// Ninety-one drops of metal hang in a hexagon above black water at dusk. Low they
// are the blue of the evening, high they are gold. Nothing moves by itself: two variables do it.
//
//     Swell   how high the wave goes: 0 a plane at rest, 1 all of it
//     Phase   where it is: from 0 to 1 one ring runs from the middle outwards, and 1 is 0 again
//
//     povray mpirender/scenes/swell.pov +W1280 +H720 +A0.1 Declare=Swell=1 Declare=Phase=0.3
//     mpirun -np 4 mpirender mpirender/scenes/film.toml
//
// Nothing here depends on the order of tracing. Needs POV-Ray 3.7; reads no other file.
//
// Copyright (c) the mpirender authors. BSD 3-Clause licence, see LICENSE.

#version 3.7;

#ifndef (Swell) #declare Swell = 1; #end
#ifndef (Phase) #declare Phase = 0.3; #end

global_settings {
  assumed_gamma 1.0
  max_trace_level 5
  adc_bailout 1/64
}

#default { finish { ambient 0 } }

camera {
  location <0, 5.0, -14.5>
  right x*image_width/image_height
  look_at <0, 2.0, 0>
  angle 42
}

// ------------------------------------------------------------------------------- the evening sky

sky_sphere {
  pigment {
    gradient y
    color_map {
      [0.00 srgb <0.99, 0.66, 0.36>]
      [0.04 srgb <0.96, 0.48, 0.34>]
      [0.11 srgb <0.66, 0.30, 0.42>]
      [0.24 srgb <0.27, 0.19, 0.42>]
      [0.55 srgb <0.07, 0.09, 0.24>]
      [1.00 srgb <0.03, 0.04, 0.12>]
    }
  }
}

light_source { <26, 13, 18> rgb <1.0, 0.62, 0.34>*1.7 }  // the last of the sun, behind
light_source { <-14, 22, -16> rgb <0.42, 0.52, 0.95>*0.75 }  // the sky, in front

// ------------------------------------------------------------------------------------- the water

plane {
  y, 0
  pigment { rgb <0.008, 0.010, 0.018> }
  normal { bumps 0.014 scale <1.8, 1, 0.8> }
  finish {
    diffuse 0.5
    reflection { 0.12, 1 fresnel on } conserve_energy
  }
  interior { ior 1.33 }
}

// ------------------------------------------------------------------------------------- the drops

#declare Rings = 5;
#declare Spacing = 0.96;
#declare Middle = 1.75;   // height of the plane at rest
#declare Height = 1.05;   // of the wave
#declare Length = 4.3;    // of the wave, from crest to crest

// How high a drop is, -1 to 1, at a distance from the middle; far out the wave is lower.
#macro Wave(Distance)
  (Swell*sin(2*pi*(Phase - Distance/Length))*(1 - 0.45*Distance/(Rings*Spacing)))
#end

#declare Hues = array[5] {
  <0.05, 0.10, 0.36>, <0.34, 0.16, 0.50>, <0.88, 0.30, 0.32>, <1.00, 0.60, 0.24>, <1.00, 0.85, 0.50>
}

// The colour of a drop, by how high it is.
#macro Hue(Level)
  #local At = min(max(2 + 2*Level, 0), 3.999);
  (Hues[int(At)]*(1 - At + int(At)) + Hues[int(At) + 1]*(At - int(At)))
#end

#local Row = -Rings;
#while (Row <= Rings)
  #local Column = max(-Rings, -Rings - Row);
  #while (Column <= min(Rings, Rings - Row))
    #local Place = Spacing*<Column + Row/2, 0, Row*sqrt(3)/2>;
    #local Level = Wave(vlength(Place));
    #local Centre = Place + (Middle + Height*Level)*y;
    union {
      sphere { 0, 0.25 }
      cone { 0.17*y, 0.183, 0.52*y, 0.012 }
      translate Centre
      pigment { srgb Hue(Level) }
      finish {
        diffuse 0.34 specular 0.9 roughness 0.012 metallic
        reflection { 0.42, 0.85 metallic }
        emission 0.05 + 0.10*max(Level, 0)
      }
    }
    cylinder {
      Centre + 0.5*y, Centre + 12*y, 0.016
      pigment { rgbt <0.75, 0.62, 0.60, 0.7> }
      finish { diffuse 0.5 emission 0.10 }
      no_shadow no_reflection
    }
    #local Column = Column + 1;
  #end
  #local Row = Row + 1;
#end
