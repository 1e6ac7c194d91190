// A registry of images in memory, for the rehearsal of the workflows.
module taskora/registry

go 1.26.4

tool github.com/google/go-containerregistry/cmd/registry

require github.com/google/go-containerregistry v0.22.1 // indirect
