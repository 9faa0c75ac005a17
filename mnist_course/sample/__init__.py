"""The bundled sample: 5,000 real MNIST training digits, for days without the internet."""
