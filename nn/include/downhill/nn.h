// Layer nn: modules, losses, initial values, penalties, gradient clipping.
#pragma once
#include <downhill/nn/functional.h>
#include <downhill/nn/init.h>
#include <downhill/nn/layers.h>
#include <downhill/nn/module.h>
#include <downhill/nn/penalties.h>
#include <downhill/nn/sequential.h>
#include <downhill/nn/utils.h>
