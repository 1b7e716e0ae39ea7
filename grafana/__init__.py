"""What you watch: dashboards as code, provisioning, Prometheus's configuration and alert rules."""
