#!/bin/sh
# One loud line for each real server that some test asks for and this machine lacks: go test keeps quiet about skipped tests.
# What is asked for is read from the tests themselves.
set -eu
cd "$(dirname "$0")/../.."

calls=$(grep -rhoE 'realserver\.(Binary\([a-z]+, "[^"]+"|Postgres\()' --include='*_test.go' agent cloud protocol firmware-bridge packaging || true)
missing() { echo "SKIPPED, real server missing: $1"; }

for name in $(printf '%s\n' "$calls" | sed -nE 's/.*Binary\([a-z]+, "([^"]+)"/\1/p' | sort -u); do
	PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$name" > /dev/null || missing "$name"
done
case "$calls" in
*Postgres*) [ -n "${GATEHOUSE_TEST_POSTGRES:-}" ] || missing "PostgreSQL (GATEHOUSE_TEST_POSTGRES is not set)" ;;
esac
