"""Lion, which torch does not have: the update of "Symbolic Discovery of Optimization Algorithms", with plain tensor operations."""

import torch


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False, foreach=None):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize, "foreach": foreach})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                if "exp_avg" not in self.state[p]:
                    self.state[p]["exp_avg"] = torch.zeros_like(p)
                mean, gradient = self.state[p]["exp_avg"], -p.grad if group["maximize"] else p.grad
                direction = (beta1 * mean + (1 - beta1) * gradient).sign()
                p.copy_(p * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * direction)
                mean.copy_(beta2 * mean + (1 - beta2) * gradient)
        return loss
