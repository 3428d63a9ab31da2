"""From a spec to records: plan, studies, executors, store, and the driver that ties them."""
