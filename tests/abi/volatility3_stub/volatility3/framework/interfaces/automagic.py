class StackerLayerInterface:
    stack_order = 0
