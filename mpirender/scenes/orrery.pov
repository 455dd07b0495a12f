// orrery.pov - a brass orrery whose sun is a lamp
//
// Six planets of polished stone turn about a glowing glass sun: grey granite for Mercury, honey
// onyx for Venus, lapis lazuli for the Earth (with a pearl for the Moon), red jasper for Mars,
// banded agate for Jupiter and tiger's eye for Saturn. A dial of brass and enamel carries the
// clockwork; cool evening light from a window on the left meets the warm light of the lamp.
//
//     mpirun -np 4 mpirender mpirender/scenes/orrery.pov +W1280 +H720 +A0.3
//     povray mpirender/scenes/orrery.pov +W1280 +H720 +A0.3
//
// Both commands write the same pixels. Nothing here depends on the order of tracing: the area
// lights have no jitter, the media have none, and there is no radiosity and no photon map.
//
// Unit: 5 cm. The table is y = 0, the lamp stands on the y axis. The picture is composed for
// 16:9. `Declare=Day=<number>` turns the planets to another day (see "The day"), and
// `Declare=Soft=0` makes shadows sharp, which takes a quarter of the time; film.toml does both.
//
// Needs POV-Ray 3.7; reads no other file than its font timrom.ttf.
//
// Copyright (c) the mpirender authors. BSD 3-Clause licence, see LICENSE.

#version 3.7;

global_settings {
  assumed_gamma 1.0
  max_trace_level 6
  adc_bailout 1/128
}

#default { finish { ambient 0 diffuse 0.8 } }

// ---------------------------------------------------------------------------------- the camera

#declare SunHeight = 6.6;

camera {
  location <-3.2, 10.2, -24>
  right x*image_width/image_height
  look_at <0.1, 4.12, 0>
  angle 43.5
}

// ----------------------------------------------------------------------------------- materials

#declare BrassColour = srgb <0.93, 0.74, 0.42>;

#declare Brass = texture {
  pigment { BrassColour }
  finish {
    diffuse 0.26 specular 1.1 roughness 0.010 metallic
    reflection { 0.45, 0.8 metallic }
    brilliance 2
  }
}

#declare BrushedBrass = texture {
  pigment { BrassColour*0.9 }
  normal { wood 0.035 frequency 9 rotate 90*x }
  finish {
    diffuse 0.34 specular 0.5 roughness 0.03 metallic
    reflection { 0.22, 0.5 metallic }
    brilliance 2
  }
}

#declare RingBrass = texture { // the rings of Saturn
  pigment {
    wood scale 0.09 rotate 90*x
    color_map { [0 srgb <0.93, 0.80, 0.55>] [1 srgb <0.80, 0.62, 0.38>] }
  }
  finish {
    diffuse 0.65 specular 0.4 roughness 0.03 metallic
    reflection { 0.10, 0.35 metallic }
  }
}

#declare Enamel = texture {
  pigment { srgb <0.055, 0.10, 0.19> }
  finish {
    diffuse 0.8 specular 0.5 roughness 0.004
    reflection { 0.03, 0.5 fresnel on } conserve_energy
  }
}

#declare Polish = finish {
  diffuse 0.78 specular 0.6 roughness 0.004
  reflection { 0.03, 0.55 fresnel on } conserve_energy
}

#declare Stone_Mercury = texture {
  pigment {
    granite scale 0.5
    color_map {
      [0.0 srgb <0.28, 0.28, 0.30>]
      [0.5 srgb <0.58, 0.56, 0.55>]
      [1.0 srgb <0.83, 0.80, 0.78>]
    }
  }
  finish { Polish }
}

#declare Stone_Venus = texture {
  pigment {
    marble turbulence 0.9 octaves 5 lambda 2.2 rotate 70*z scale 0.28
    color_map {
      [0.0 srgb <0.98, 0.90, 0.70>]
      [0.5 srgb <0.93, 0.74, 0.42>]
      [0.8 srgb <0.80, 0.52, 0.22>]
      [1.0 srgb <0.97, 0.88, 0.66>]
    }
  }
  finish { Polish }
}

#declare Stone_Earth =
texture {
  pigment {
    bozo turbulence 0.8 octaves 6 scale 0.42
    color_map {
      [0.00 srgb <0.04, 0.10, 0.36>]
      [0.45 srgb <0.08, 0.22, 0.62>]
      [0.58 srgb <0.14, 0.38, 0.72>]
      [0.62 srgb <0.18, 0.42, 0.30>]
      [0.80 srgb <0.42, 0.50, 0.26>]
      [1.00 srgb <0.62, 0.56, 0.36>]
    }
  }
  finish { Polish }
}
texture {
  pigment {
    wrinkles turbulence 0.6 octaves 5 scale <0.5, 0.16, 0.5>
    color_map {
      [0.00 rgbt 1]
      [0.52 rgbt 1]
      [0.80 srgbt <0.97, 0.97, 1.0, 0.15>]
      [1.00 srgbt <1, 1, 1, 0.05>]
    }
  }
  finish { Polish }
}

#declare Stone_Mars = texture {
  pigment {
    agate agate_turb 0.7 scale 0.35
    color_map {
      [0.0 srgb <0.38, 0.10, 0.06>]
      [0.5 srgb <0.72, 0.24, 0.12>]
      [0.9 srgb <0.86, 0.44, 0.24>]
      [1.0 srgb <0.93, 0.72, 0.56>]
    }
  }
  finish { Polish }
}

#declare Stone_Jupiter = texture {
  pigment {
    gradient y
    warp { turbulence <0.10, 0.085, 0.10> octaves 5 lambda 2.3 omega 0.55 }
    translate -0.5*y
    scale 2
    color_map {
      [0.00 srgb <0.50, 0.40, 0.34>]
      [0.10 srgb <0.80, 0.68, 0.56>]
      [0.18 srgb <0.93, 0.86, 0.76>]
      [0.26 srgb <0.66, 0.42, 0.28>]
      [0.36 srgb <0.58, 0.32, 0.20>]
      [0.40 srgb <0.95, 0.88, 0.78>]
      [0.52 srgb <0.97, 0.92, 0.84>]
      [0.57 srgb <0.88, 0.70, 0.50>]
      [0.60 srgb <0.62, 0.34, 0.20>]
      [0.70 srgb <0.76, 0.52, 0.36>]
      [0.75 srgb <0.94, 0.87, 0.78>]
      [0.84 srgb <0.82, 0.70, 0.58>]
      [0.92 srgb <0.62, 0.50, 0.43>]
      [1.00 srgb <0.50, 0.40, 0.34>]
    }
  }
  finish { Polish }
}

#declare Stone_Saturn = texture {
  pigment {
    gradient y
    warp { turbulence <0.05, 0.05, 0.05> octaves 4 }
    scale 0.55
    color_map {
      [0.00 srgb <0.62, 0.44, 0.22>]
      [0.25 srgb <0.90, 0.74, 0.44>]
      [0.50 srgb <0.78, 0.58, 0.30>]
      [0.70 srgb <0.96, 0.84, 0.58>]
      [1.00 srgb <0.62, 0.44, 0.22>]
    }
  }
  finish { Polish }
}

#declare Pearl = texture {
  pigment { srgb <0.93, 0.91, 0.89> }
  finish { Polish }
}

// ---------------------------------------------------------------------------- the room and table

#declare Table = texture {
  pigment {
    pigment_pattern {
      bozo
      warp { turbulence <0.25, 0.2, 0.25> octaves 3 }
      scale <7, 1, 0.9>
      color_map { [0 rgb 0] [1 rgb 1] }
    }
    pigment_map {
      [0.2
        bozo scale <3.2, 1, 0.05>
        color_map { [0.1 srgb <0.40, 0.19, 0.09>] [0.9 srgb <0.27, 0.11, 0.05>] }
      ]
      [0.8
        bozo scale <2.4, 1, 0.06>
        color_map { [0.1 srgb <0.31, 0.13, 0.06>] [0.9 srgb <0.19, 0.07, 0.035>] }
      ]
    }
    rotate 9*y
  }
  normal { bumps 0.010 scale <0.9, 0.3, 0.3> }
  finish {
    diffuse 0.75 specular 0.35 roughness 0.02
    reflection { 0.03, 0.65 fresnel on } conserve_energy
  }
}

box {
  <-60, -1, -14>, <60, 0, 14>
  texture { Table }
  interior { ior 1.5 }
}

// The wall: a star chart in gold on midnight blue, its circles centred behind the lamp.

#declare WallDistance = 21;
#declare ChartCentre = <1.7, 3.9, WallDistance>;

#declare Plaster = texture {
  pigment {
    bozo turbulence 0.5 scale 3
    color_map {
      [0 srgb <0.10, 0.155, 0.25>]
      [1 srgb <0.13, 0.185, 0.285>]
    }
  }
  normal { bumps 0.06 scale 0.12 }
  finish { diffuse 0.75 }
}

plane { -z, -WallDistance texture { Plaster } }

#declare Gilding = texture {
  pigment { srgb <0.90, 0.70, 0.38> }
  finish { diffuse 0.6 specular 0.2 roughness 0.08 metallic }
}

#declare Seed = seed(1766);

union {
  #local Circle = 0;
  #while (Circle < 7)
    torus { 4.6 + 1.75*Circle, 0.022 + 0.02*mod(Circle, 2) rotate 90*x }
    #local Circle = Circle + 1;
  #end
  #local Tick = 0;
  #while (Tick < 180)
    #local Long = (mod(Tick, 5) = 0);
    box {
      <-0.014, 9.85, -0.02>, <0.014, 10.15 + 0.28*Long, 0.02>
      rotate 2*Tick*z
    }
    #local Tick = Tick + 1;
  #end
  #local Ray = 0;
  #while (Ray < 24)
    box { <-0.012, 4.6, -0.01>, <0.012, 15.1, 0.01> rotate 15*Ray*z }
    #local Ray = Ray + 1;
  #end
  #local Star = 0;
  #while (Star < 150)
    #local Size = 0.03 + 0.085*pow(rand(Seed), 3);
    sphere { 0, Size scale <1, 1, 0.3> translate <4.9 + 10*rand(Seed), 0, 0> rotate 360*rand(Seed)*z }
    #local Star = Star + 1;
  #end
  texture { Gilding }
  translate ChartCentre - 0.03*z
  no_reflection
}

// What only mirrors see: a tall window on the left, a softer one behind the camera.

#macro Window(Width, Height, Columns, Rows, Glow)
  union {
    #local Column = 0;
    #while (Column < Columns)
      #local Row = 0;
      #while (Row < Rows)
        box {
          <Column + 0.06, Row + 0.05, 0>, <Column + 0.94, Row + 0.95, 0.1>
        }
        #local Row = Row + 1;
      #end
      #local Column = Column + 1;
    #end
    translate <-Columns/2, -Rows/2, 0>
    scale <Width/Columns, Height/Rows, 1>
    pigment { rgb Glow }
    finish { diffuse 0 emission 1 }
    no_image no_shadow
  }
#end

object { Window(13, 17, 3, 4, <0.62, 0.80, 1.15>*2.2) rotate -62*y translate <-27, 15, -11> }
object { Window(12, 9, 2, 2, <1.1, 0.85, 0.6>*0.7) rotate 215*y translate <22, 17, -26> }
object { Window(26, 4, 4, 1, <0.8, 0.9, 1.1>*0.25) rotate <-90, 0, 0> translate <0, 27, 3> }

// ------------------------------------------------------------------------------------- the light

#ifndef (Soft) #declare Soft = 1; #end

light_source { // the lamp
  SunHeight*y
  rgb <1.0, 0.74, 0.42>*4.0
  #if (Soft) area_light 1.1*x, 1.1*y, 4, 4 adaptive 0 circular orient #end
  fade_distance 6 fade_power 2
}

light_source { // the window
  <-27, 17, -12>
  rgb <0.55, 0.74, 1.0>*0.8
  #if (Soft) area_light <5.6, 0, -10.5>, 15*y, 4, 4 adaptive 0 #end
}

light_source { // what the rest of the room gives back
  <6, 14, -30>
  rgb <1.0, 0.86, 0.72>*0.10
  shadowless
}

// --------------------------------------------------------------------------------------- the sun

#declare SunRadius = 0.92;

union {
  sphere {
    0, SunRadius*0.965
    pigment {
      granite scale 1.3
      color_map {
        [0.0 rgb <1.0, 0.42, 0.10>*1.1]
        [0.5 rgb <1.0, 0.66, 0.26>*1.7]
        [1.0 rgb <1.0, 0.85, 0.52>*2.2]
      }
    }
    finish { diffuse 0 emission 1 }
  }
  difference {
    sphere { 0, SunRadius }
    sphere { 0, SunRadius - 0.012 }
    pigment { rgbf <1, 0.97, 0.92, 0.98> }
    finish {
      diffuse 0 specular 0.8 roughness 0.002
      reflection { 0.02, 0.25 fresnel on } conserve_energy
    }
    interior { ior 1.3 }
  }
  no_shadow
  translate SunHeight*y
}

sphere { // its glow in the air
  0, 1
  hollow
  pigment { rgbt 1 }
  interior {
    media {
      emission <1.0, 0.62, 0.26>*0.115
      method 3 intervals 1 samples 9, 9
      density {
        spherical
        poly_wave 3.2
        color_map { [0 rgb 0] [1 rgb 3.2] }
      }
    }
  }
  scale 4.4
  translate SunHeight*y
  no_shadow no_reflection
}

// --------------------------------------------------------------------------------- turned parts

// A turned column: pairs (radius, height) from the bottom, joined by a smooth profile.
#declare Baluster = lathe {
  cubic_spline
  14,
  <0.00, -0.30>, <0.62, 0.00>, <0.66, 0.16>, <0.40, 0.30>, <0.26, 0.48>, <0.34, 0.80>,
  <0.42, 1.05>, <0.30, 1.38>, <0.19, 1.62>, <0.30, 1.74>, <0.30, 1.86>, <0.20, 1.98>,
  <0.20, 2.30>, <0.20, 2.60>
}

// A toothed wheel about the y axis, its middle plane at y = 0.
#macro Wheel(Radius, Teeth, Thickness, Spokes)
  #local Depth = 0.11;
  #local Pitch = 2*pi/Teeth;
  difference {
    prism {
      linear_spline
      -Thickness/2, Thickness/2, 4*Teeth + 1
      #local Tooth = 0;
      #while (Tooth <= Teeth)
        #local A = Tooth*Pitch;
        <(Radius - Depth)*cos(A), (Radius - Depth)*sin(A)>
        #if (Tooth < Teeth)
          <(Radius - Depth)*cos(A + 0.40*Pitch), (Radius - Depth)*sin(A + 0.40*Pitch)>
          <Radius*cos(A + 0.54*Pitch), Radius*sin(A + 0.54*Pitch)>
          <Radius*cos(A + 0.86*Pitch), Radius*sin(A + 0.86*Pitch)>
        #end
        #local Tooth = Tooth + 1;
      #end
    }
    cylinder { -Thickness*y, Thickness*y, 0.06 }
    #if (Spokes > 0)
      difference {
        cylinder { -Thickness*y, Thickness*y, Radius - Depth - 0.16 }
        cylinder { -2*Thickness*y, 2*Thickness*y, 0.34 }
        #local Spoke = 0;
        #while (Spoke < Spokes)
          box { <0, -2*Thickness, -0.07>, <Radius, 2*Thickness, 0.07> rotate 360/Spokes*Spoke*y }
          #local Spoke = Spoke + 1;
        #end
      }
    #end
    bounded_by { cylinder { -Thickness*0.51*y, Thickness*0.51*y, Radius*1.001 } }
  }
#end

// ------------------------------------------------------------------------------- dial and feet

#declare DialRadius = 4.7;
#declare DialHeight = 0.95;

#declare Numerals = array[12] {
  "XII", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI"
}

union {
  difference { // the enamelled plate in its brass rim
    cylinder { 0, 0.30*y, DialRadius }
    cylinder { 0.26*y, 1*y, DialRadius - 0.14 }
  }
  torus { DialRadius, 0.10 translate 0.27*y }
  torus { DialRadius - 0.02, 0.13 translate 0.05*y }
  texture { BrushedBrass }
  translate (DialHeight - 0.3)*y
}

cylinder {
  0, 0.27*y, DialRadius - 0.15
  texture { Enamel }
  interior { ior 1.5 }
  translate (DialHeight - 0.3)*y
}

union { // the scale of hours and degrees
  #local Degree = 0;
  #while (Degree < 144)
    #local Long = (mod(Degree, 12) = 0) + (mod(Degree, 6) = 0);
    box {
      <-0.016, 0, DialRadius - 0.52 - 0.08*Long>, <0.016, 0.012, DialRadius - 0.30>
      rotate 2.5*Degree*y
    }
    #local Degree = Degree + 1;
  #end
  difference {
    cylinder { 0, 0.012*y, DialRadius - 0.26 }
    cylinder { -y, y, DialRadius - 0.30 }
  }
  difference {
    cylinder { 0, 0.012*y, DialRadius - 1.36 }
    cylinder { -y, y, DialRadius - 1.41 }
  }
  difference {
    cylinder { 0, 0.012*y, 2.2 }
    cylinder { -y, y, 2.15 }
  }
  #local Hour = 0;
  #while (Hour < 12)
    #local Numeral = text { ttf "timrom.ttf" Numerals[Hour] 0.02, 0 };
    #local Middle = (min_extent(Numeral) + max_extent(Numeral))/2;
    object {
      Numeral
      translate -Middle*x
      scale <0.56, 0.62, 1>
      rotate <90, 180, 0>
      translate <0, 0.015, DialRadius - 0.70>
      rotate (180 + 30*Hour)*y
    }
    #local Hour = Hour + 1;
  #end
  texture { Brass }
  translate (DialHeight - 0.03)*y
}

#local Foot = 0;
#while (Foot < 6)
  union {
    sphere { 0.33*y, 0.33 }
    cylinder { 0.55*y, 0.78*y, 0.17 }
    torus { 0.19, 0.06 translate 0.64*y }
    texture { Brass }
    translate (DialRadius - 0.55)*z
    rotate (60*Foot + 22)*y
  }
  #local Foot = Foot + 1;
#end

// --------------------------------------------------------------------------------- the clockwork

object { Baluster texture { Brass } scale <1.25, 0.62, 1.25> translate DialHeight*y }

union {
  object { Wheel(1.62, 48, 0.12, 5) translate 1.34*y }
  object { Wheel(1.28, 38, 0.12, 5) rotate 11*y translate 1.62*y }
  object { Wheel(0.96, 28, 0.12, 4) rotate 5*y translate 1.90*y }
  texture { BrushedBrass }
}

union { // two arbors that mesh with the three wheels
  cylinder { DialHeight*y, 2.35*y, 0.075 }
  object { Wheel(0.52, 15, 0.15, 0) translate 1.34*y }
  object { Wheel(0.86, 25, 0.12, 4) translate 1.62*y }
  object { Wheel(1.18, 35, 0.12, 5) rotate 3*y translate 1.90*y }
  sphere { 2.37*y, 0.12 }
  texture { BrushedBrass }
  translate -2.06*z
  rotate 38*y
}

union {
  cylinder { DialHeight*y, 2.2*y, 0.075 }
  object { Wheel(0.50, 15, 0.15, 0) rotate 7*y translate 1.34*y }
  object { Wheel(0.84, 25, 0.12, 4) translate 1.62*y }
  sphere { 2.22*y, 0.12 }
  texture { BrushedBrass }
  translate -2.04*z
  rotate -72*y
}

// The nested tubes that carry the arms, the outermost planet lowest.

union {
  cylinder { DialHeight*y, (SunHeight - SunRadius)*y, 0.11 }
  cylinder { 2.0*y, 4.70*y, 0.15 }
  cylinder { 2.0*y, 4.35*y, 0.19 }
  cylinder { 2.0*y, 3.95*y, 0.23 }
  cylinder { 2.0*y, 3.55*y, 0.27 }
  cylinder { 2.0*y, 3.10*y, 0.31 }
  cylinder { 2.0*y, 2.65*y, 0.35 }
  cone { (SunHeight - SunRadius - 0.42)*y, 0.11, (SunHeight - SunRadius + 0.06)*y, 0.34 }
  torus { 0.34, 0.05 translate (SunHeight - SunRadius + 0.06)*y }
  torus { 0.13, 0.05 translate (SunHeight - SunRadius - 0.42)*y }
  texture { Brass }
}

// ----------------------------------------------------------------------------------- the planets

// An arm from the hub at the height Level, a pillar at its end and what stands on the pillar.
#macro Arm(Level, Orbit, Radius)
  union {
    cylinder { <-0.9, Level, 0>, <Orbit, Level, 0>, 0.055 }
    cylinder { <0, Level - 0.13, 0>, <0, Level + 0.13, 0>, 0.40 }
    torus { 0.40, 0.035 translate (Level + 0.13)*y }
    torus { 0.40, 0.035 translate (Level - 0.13)*y }
    sphere { <-0.98, Level, 0>, 0.15 }
    cone { <0.38, Level, 0>, 0.13, <0.95, Level, 0>, 0.055 }
    sphere { <Orbit, Level, 0>, 0.125 }
    cylinder { <Orbit, Level, 0>, <Orbit, SunHeight - Radius, 0>, 0.042 }
    cone { <Orbit, Level, 0>, 0.11, <Orbit, Level + 0.42, 0>, 0.042 }
    cone { <Orbit, SunHeight - Radius - 0.13, 0>, 0.042, <Orbit, SunHeight - Radius*0.955, 0>, 0.30*Radius }
    texture { Brass }
  }
#end

#macro Planet(Radius, Stone)
  sphere { 0, Radius texture { Stone } interior { ior 1.55 } }
#end

// The day: each planet starts at an angle chosen for the picture and moves at its own pace.

#ifndef (Day) #declare Day = 0; #end

#macro Angle(Start, Period)
  (Start - 360*Day/Period)
#end

union {
  object { Arm(4.50, 1.75, 0.21) }
  object { Planet(0.21, Stone_Mercury) translate <1.75, SunHeight, 0> }
  rotate Angle(40, 88)*y
}

union {
  object { Arm(4.12, 2.65, 0.36) }
  object { Planet(0.36, Stone_Venus) rotate 20*z translate <2.65, SunHeight, 0> }
  rotate Angle(152, 224.7)*y
}

union {
  object { Arm(3.72, 3.9, 0.44) }
  object { Planet(0.44, Stone_Earth) rotate <0, 60, -23.4> translate <3.9, SunHeight, 0> }
  union { // the Moon on its own small arm
    torus { 0.055, 0.03 }
    cylinder { 0.05*x, 0.86*x, 0.022 }
    cylinder { 0.86*x, <0.86, 0.62, 0>, 0.022 }
    sphere { 0.86*x, 0.045 }
    texture { Brass }
    rotate 205*y
    translate <3.9, SunHeight - 0.72, 0>
  }
  object {
    Planet(0.125, Pearl)
    translate 0.86*x rotate 205*y
    translate <3.9, SunHeight, 0>
  }
  rotate Angle(62, 365.25)*y
}

union {
  object { Arm(3.32, 5.0, 0.31) }
  object { Planet(0.31, Stone_Mars) rotate 25*z translate <5.0, SunHeight, 0> }
  rotate Angle(-38, 687)*y
}

union {
  object { Arm(2.88, 6.3, 0.98) }
  object { Planet(0.98, Stone_Jupiter) rotate <0, 40, -3> translate <6.3, SunHeight, 0> }
  rotate Angle(158, 4332.6)*y
}

union {
  object { Arm(2.42, 7.6, 0.74) }
  union {
    object { Planet(0.74, Stone_Saturn) }
    #local Band = 0;
    #declare Bands = array[4][2] { {0.98, 1.14}, {1.17, 1.36}, {1.385, 1.44}, {1.50, 1.66} }
    #while (Band < 4)
      difference {
        cylinder { -0.012*y, 0.012*y, Bands[Band][1] }
        cylinder { -y, y, Bands[Band][0] }
        texture { RingBrass }
      }
      #local Band = Band + 1;
    #end
    rotate <-16, 0, -20>
    translate <7.6, SunHeight, 0>
  }
  rotate Angle(14, 10759)*y
}

// ------------------------------------------------------------------------- books and a crystal ball

// A closed book lying on its back cover, the spine along the x axis at z = 0.
#macro Book(Long, Wide, Thick, Leather)
  union {
    #local Cover = 0.07;
    box { <0, 0, 0>, <Long, Cover, Wide> }
    box { <0, Thick - Cover, 0>, <Long, Thick, Wide> }
    cylinder { 0, Long*x, Thick/2 scale <1, 1, 0.42> translate Thick/2*y }
    box {
      <0.09, Cover/2, 0>, <Long - 0.09, Thick - Cover/2, Wide - 0.10>
      pigment {
        gradient y scale 0.045
        color_map { [0 srgb <0.86, 0.79, 0.64>] [1 srgb <0.70, 0.61, 0.45>] }
      }
    }
    #local Rib = 0;
    #while (Rib < 5)
      cylinder {
        -0.05*x, 0.05*x, Thick/2 + 0.025
        scale <1, 1, 0.47>
        translate <Long*(0.12 + 0.19*Rib), Thick/2, 0>
        #if (mod(Rib, 2) = 0) texture { Gilding } #end
      }
      #local Rib = Rib + 1;
    #end
    texture {
      pigment { Leather }
      normal { wrinkles 0.12 scale 0.08 }
      finish { diffuse 0.75 specular 0.22 roughness 0.04 }
    }
  }
#end

object { Book(4.6, 3.3, 0.78, srgb <0.36, 0.07, 0.06>) rotate -14*y translate <7.9, 0, 4.6> }
object { Book(4.0, 2.9, 0.62, srgb <0.07, 0.20, 0.17>) rotate -4*y translate <8.3, 0.78, 5.1> }

union {
  sphere {
    1.18*y, 0.95
    pigment { rgbf <0.97, 0.99, 1, 0.97> }
    finish {
      diffuse 0 specular 0.9 roughness 0.001
      reflection { 0.02, 1 fresnel on } conserve_energy
    }
    interior { ior 1.5 }
  }
  torus { 0.62, 0.09 translate 0.40*y texture { Brass } }
  torus { 0.74, 0.11 translate 0.10*y texture { Brass } }
  #local Post = 0;
  #while (Post < 3)
    cone { <0.73, 0.1, 0>, 0.07, <0.62, 0.42, 0>, 0.05 texture { Brass } rotate (120*Post + 30)*y }
    #local Post = Post + 1;
  #end
  translate <-7.55, 0, -1.5>
}
