#pragma once
/// All learning rate schedulers.
#include "levin/framework/optim/composed_lr.h"
#include "levin/framework/optim/cosine_lr.h"
#include "levin/framework/optim/cyclic_lr.h"
#include "levin/framework/optim/formula_lr.h"
#include "levin/framework/optim/lambda_lr.h"
#include "levin/framework/optim/one_cycle_lr.h"
#include "levin/framework/optim/reduce_lr_on_plateau.h"
