//! Graph, plan, executor.
