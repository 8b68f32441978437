"""Networks stated on [N,C,H,W], read as graphs that compute on [N,H,W,C].

What the front ends of ONNX and PyTorch share: values whose dimensions are stored in another order
than the file gives them, the graph under construction, and the operations on such values. The
``ops_*`` modules of a front end only say what an operator of its format asks for.
"""
