// Layer data: datasets and loaders.
#pragma once
#include <downhill/data/dataset.h>
#include <downhill/data/idx.h>
#include <downhill/data/images.h>
#include <downhill/data/loader.h>
#include <downhill/data/toy.h>
