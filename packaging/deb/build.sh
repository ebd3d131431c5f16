#!/bin/sh
# Builds the Debian packages of the gateway: packaging/deb/build.sh OUT [ARCH…], by default dist and all three.
# Two runs on one commit give the same bytes: every date in them is that of the commit, or SOURCE_DATE_EPOCH when it is set.
#
# armhf is built for ARMv6: Debian's own armhf begins at ARMv7, but the same name on a Raspberry Pi means ARMv6, and one package must
# run on both. The program links no library, so nothing else depends on it.
set -eu
cd "$(dirname "$0")/../.."

out=${1:-dist}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- arm64 armhf amd64
GO=${GO:-go}

epoch=$(git log -1 --format=%ct 2> /dev/null || true)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-${epoch:-0}}
VERSION=${VERSION:-$(git describe --tags --always --dirty 2> /dev/null || echo unknown)}
COMMIT=${COMMIT:-$(git rev-parse --short=12 HEAD 2> /dev/null || echo unknown)}
export SOURCE_DATE_EPOCH

# v1.2.3-4-gabc is 1.2.3+4.gabc and v1.2.3-rc1 comes before 1.2.3; before the first release the count of changes orders the packages.
case $VERSION in
v[0-9]*) DEB_VERSION=$(printf '%s' "${VERSION#v}" | sed 's/-rc/~rc/; s/-/+/; s/-/./g') ;;
*) DEB_VERSION=0.0.0~$(git rev-list --count HEAD 2> /dev/null || echo 0).$(printf '%s' "$VERSION" | tr -- - .) ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
STAGE=$work/stage
mkdir "$STAGE"

# The changelog is what packaging/changelog holds, one entry a file.
{
	echo "- semver: 0.0.0"
	echo "  date: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)"
	echo "  packager: Gatehouse <gatehouse@example.com>"
	echo "  deb: {urgency: medium, distributions: [stable]}"
	echo "  changes:"
	for file in packaging/changelog/*/*.md; do
		printf '    - note: "'
		sed -e '1,/^$/d' -e 's/[\\"]/\\&/g' "$file" | tr '\n' ' ' | sed 's/ *$//'
		printf '"\n'
	done
} | sed "s/^- semver: .*/- semver: '$DEB_VERSION'/" > "$STAGE/changelog.yaml"

for arch in "$@"; do
	case $arch in
	amd64) GOARCH=amd64 GOARM= ;;
	arm64) GOARCH=arm64 GOARM= ;;
	armhf) GOARCH=arm GOARM=6 ;;
	*) echo "build.sh: there is no package for $arch; known are arm64, armhf, amd64" >&2; exit 2 ;;
	esac
	GOOS=linux GOARCH=$GOARCH GOARM=$GOARM CGO_ENABLED=0 \
		$GO build $(sed -n '/^-/p' packaging/buildflags) -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" \
		-o "$STAGE/gatehouse-agent" ./agent/cmd/gatehouse-agent
	# The tool itself expands variables in some places only.
	sed "s|\${STAGE}|$STAGE|; s|\${DEB_ARCH}|$arch|; s|\${DEB_VERSION}|$DEB_VERSION|" packaging/deb/nfpm.yaml > "$STAGE/nfpm.yaml"
	$GO tool -modfile=packaging/deb/tools/go.mod nfpm package --config "$STAGE/nfpm.yaml" --packager deb \
		--target "$out/gatehouse-agent_${DEB_VERSION}_$arch.deb" > "$work/log" || { cat "$work/log" >&2; exit 1; }
	echo "$out/gatehouse-agent_${DEB_VERSION}_$arch.deb"
done
