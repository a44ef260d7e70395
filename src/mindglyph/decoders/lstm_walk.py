"""The walk of LSTMs along their steps, with its gradient written out.

Left to itself, autograd keeps a dozen arrays a step, and adds the gradient of the weights up step
by step. Here each step writes into arrays that are there for all steps; once the way back is
done, the gradient of all weights is one product over trials and steps together. Products are
taken in bfloat16 where autocast is on, cells and what is added up over steps in float32.
"""

from __future__ import annotations

from typing import Any

import torch

from mindglyph.decoders.layers import tanh


def walk(steps: torch.Tensor, from_input: torch.Tensor, from_hidden: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return the outputs of all steps of several LSTMs side by side, each with trials and weights of its own.

    Parameters
    ----------
    steps : Tensor, shape (n_lstms, n_steps, n_trials, width)
        What each step sees.
    from_input : Tensor, shape (n_lstms, width, 4 * units)
        Weights of the gates in torch's order: input, forget, cell, output.
    from_hidden : Tensor, shape (n_lstms, units, 4 * units)
        Weights of the output of the step before.
    bias : Tensor, shape (n_lstms, 1, 4 * units)
        Of the gates.

    Returns
    -------
    Tensor, shape (n_lstms, n_steps, n_trials, units)
        In bfloat16 under autocast.
    """
    half = torch.is_autocast_enabled(steps.device.type)
    kind = torch.get_autocast_dtype(steps.device.type) if half else from_input.dtype
    outputs: torch.Tensor = _Walk.apply(steps, from_input, from_hidden, bias, kind)  # type: ignore[no-untyped-call]
    return outputs


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        steps: torch.Tensor,
        from_input: torch.Tensor,
        from_hidden: torch.Tensor,
        bias: torch.Tensor,
        kind: torch.dtype,
    ) -> torch.Tensor:
        with torch.autocast(steps.device.type, enabled=False):
            n_lstms, n_steps, n_trials, width = steps.shape
            units = from_hidden.shape[1]
            steps, weight = steps.to(kind).contiguous(), from_hidden.to(kind)
            # What comes from the input waits for no step before it, so it is had for all steps at once.
            gates = torch.baddbmm(bias.to(kind), steps.view(n_lstms, -1, width), from_input.to(kind))
            gates = gates.view(n_lstms, n_steps, n_trials, 4 * units)
            cells = steps.new_empty(n_lstms, n_steps, n_trials, units)
            outputs = torch.empty_like(cells)
            cell = steps.new_zeros(n_lstms, n_trials, units, dtype=bias.dtype)
            for step in range(n_steps):
                rough = gates[:, step]
                if step:
                    rough += torch.bmm(outputs[:, step - 1], weight)
                exact = rough.to(bias.dtype)
                enter, keep, candidate, leave = exact.split(units, dim=-1)
                candidate.mul_(2)
                exact.sigmoid_()
                # The tangent of x is 2 sigmoid(2x) - 1, and the sigmoid takes a sixth of its time.
                candidate.mul_(2).sub_(1)
                if exact is not rough:
                    rough.copy_(exact)
                cell.mul_(keep).addcmul_(enter, candidate)
                cells[:, step].copy_(cell)
                outputs[:, step].copy_(tanh(cell).mul_(leave))
        context.save_for_backward(steps, from_input, from_hidden, gates, cells, outputs)
        context.kind = kind
        return outputs

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        steps, from_input, from_hidden, gates, cells, outputs = context.saved_tensors
        kind, exact = context.kind, from_input.dtype
        n_lstms, n_steps, n_trials, units = outputs.shape
        back = from_hidden.to(kind).transpose(1, 2)
        slopes = torch.empty_like(gates)
        sigmoid_back, tanh_back = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward
        of_cell = steps.new_zeros(n_lstms, n_trials, units, dtype=exact)
        slope = steps.new_empty(n_lstms, n_trials, 4 * units, dtype=exact)
        of_enter, of_keep, of_candidate, of_leave = slope.split(units, dim=-1)
        for step in reversed(range(n_steps)):
            enter, keep, candidate, leave = gates[:, step].to(exact).split(units, dim=-1)
            of_output = gradient[:, step].to(exact)
            if step + 1 < n_steps:
                of_output = of_output + torch.bmm(slopes[:, step + 1], back)
            bent = tanh(cells[:, step].to(exact))
            sigmoid_back(of_output * bent, leave, grad_input=of_leave)
            of_cell += tanh_back(of_output * leave, bent)
            sigmoid_back(of_cell * candidate, enter, grad_input=of_enter)
            tanh_back(of_cell * enter, candidate, grad_input=of_candidate)
            if step:
                sigmoid_back(of_cell * cells[:, step - 1], keep, grad_input=of_keep)
            else:
                of_keep.zero_()
            of_cell.mul_(keep)
            slopes[:, step].copy_(slope)
        flat = slopes.view(n_lstms, -1, 4 * units)
        needed = context.needs_input_grad
        of_steps = None
        if needed[0]:
            of_steps = torch.bmm(flat, from_input.to(kind).transpose(1, 2)).view(steps.shape)
        of_input = _gradient(steps.view(n_lstms, -1, steps.shape[-1]), flat, from_input)
        of_hidden = _gradient(outputs[:, :-1].flatten(1, 2), slopes[:, 1:].flatten(1, 2), from_hidden)
        of_bias = flat.sum(dim=1, keepdim=True, dtype=exact)
        return of_steps, of_input, of_hidden, of_bias, None


def _gradient(seen: torch.Tensor, slopes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the gradient of a weight, laid out as the weight is: turning it over would take as long as the product."""
    if weight.is_contiguous():
        return torch.bmm(seen.transpose(1, 2), slopes).to(weight.dtype)
    return torch.bmm(slopes.transpose(1, 2), seen).to(weight.dtype).transpose(1, 2)
