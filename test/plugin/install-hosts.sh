#!/bin/sh
# Installs the programs that `npm run test:hosts` drives, on Debian 12 or a derivative of it. Tests of a program that is
# missing are skipped by name.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y --no-install-recommends \
	obs-studio obs-plugins \
	xvfb xauth x11-apps imagemagick xdotool dbus libgl1-mesa-dri \
	blender \
	melt frei0r-plugins kdenlive shotcut \
	ffmpeg
