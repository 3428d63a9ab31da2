"""Problems, the training engine, teachers, and the measurement of speed."""
