"""The pieces of a run done by the nodes of a Ray cluster: `--cluster ADDRESS`.

`workers.ClusterWorkers` decides who does what, and knows nothing of Ray. It gives orders to a process of this
program's own (`ray_driver`), the only one that loads Ray, and hears reports (`messages`). On each node
`node.NodeWorker`, an actor of Ray's, does the pieces.
"""
