// Everything: tensors, differentiation, data, optimizers and modules.
#pragma once
#include <downhill/autograd.h>
#include <downhill/data.h>
#include <downhill/nn.h>
#include <downhill/optim.h>
#include <downhill/tensor.h>
