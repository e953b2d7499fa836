"""The geometry model: shape VAE, conditioning encoders and the two-stream flow transformer."""
