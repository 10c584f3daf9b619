// Layer autograd: walking the recorded history backward, and checking gradients.
#pragma once
#include <downhill/autograd/backward.h>
#include <downhill/autograd/gradcheck.h>
