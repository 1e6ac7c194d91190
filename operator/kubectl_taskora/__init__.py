"""`kubectl taskora`: what a platform team does with an instance.

`connection` reaches the cluster, `commands/` ask and act, everything else is data in, text out.
"""
