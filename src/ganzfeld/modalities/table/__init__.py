"""Tables: rows of numbers, categories, booleans and dates, with missing cells."""
