#pragma once
/// All optimizers.
#include "levin/framework/optim/adadelta.h"
#include "levin/framework/optim/adagrad.h"
#include "levin/framework/optim/adam.h"
#include "levin/framework/optim/lion.h"
#include "levin/framework/optim/muon.h"
#include "levin/framework/optim/nadam.h"
#include "levin/framework/optim/radam.h"
#include "levin/framework/optim/rmsprop.h"
#include "levin/framework/optim/sgd.h"
