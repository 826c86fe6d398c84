#!/bin/sh
# dracut reads this into its own shell, which must not end with the script.
/usr/libexec/hibtool/resume
