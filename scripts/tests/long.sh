#!/bin/sh
# What takes too long for every day: each test that draws its cases, with all the cases that a change has to pass, and test/long/.
set -eu

cd "$(dirname "$0")/../.."
export PAGEWALK_PROGRAM=$PWD/dist/bundles/command/pagewalk.js
export PAGEWALK_THOROUGH=1
# The processor's takes longest of all.
tests=$(grep -rl --include='*.test.js' '/how-many\.js' dist/test/conformance dist/test/live | sort -r)
# shellcheck disable=SC2086  # a list of files
mocha --parallel --jobs 3 --reporter dist/test/support/closing-line-reporter.js $tests 'dist/test/long/**/*.test.js'
