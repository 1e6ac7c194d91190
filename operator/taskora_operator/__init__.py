"""The Taskora operator: keeps every TaskoraDeployment as its specification says."""
