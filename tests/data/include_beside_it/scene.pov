// Needs a file in its own folder, which is not the one where POV-Ray runs.
#version 3.7;
#include "beside.inc"
