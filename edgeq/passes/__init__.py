"""Graph to graph: what turns a model as it was read into finished integer arithmetic."""
