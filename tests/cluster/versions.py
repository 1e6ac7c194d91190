"""Every version that is chosen here; the Go modules' are in go/*/go.mod, jars' and npm packages' in files/."""

KUBERNETES, OLDEST_KUBERNETES = "v1.34.4", "v1.28.15"
PAUSE = "3.10.1"
ETCD_TAG, COREDNS_TAG = "3.6.5-0", "v1.12.1"  # the tags that kubeadm asks for
LOCAL_PATH = "v0.0.30"
DAPR = "1.18.0"
PROMETHEUS_OPERATOR = "0.85.0"  # of which only the CRDs are used
KAFKA = "4.1.1"
TRAEFIK = "3.7.15"

GO_MINIMUM = (1, 26, 4)
GO = "1.26.6"  # installed where the machine has none, or an older one
UV = "0.13.9"
NODE = "24.19.0"  # the wheel of it, where the machine has no npm
