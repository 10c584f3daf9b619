// Layer optim: update rules and schedules.
#pragma once
#include <downhill/optim/adam.h>
#include <downhill/optim/optimizer.h>
#include <downhill/optim/schedulers.h>
#include <downhill/optim/sgd.h>
