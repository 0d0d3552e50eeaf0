"""`medpattern purge`: images, and all that is known of them, removed by age, by image or by patient."""
