"""One module a file format; each reads a recording into chunks of trials and refused rows."""
