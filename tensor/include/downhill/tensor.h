// Layer tensor: values, and how each value was made.
#pragma once
#include <downhill/tensor/elementwise.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/indexing.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/parallel.h>
#include <downhill/tensor/random.h>
#include <downhill/tensor/serialize.h>
#include <downhill/tensor/tensor.h>
