"""Pictures read by local methods: patches, scattering features, evidence."""
