#!/bin/sh
# Chromium for the tests that look at the page: installs it where that can be done without asking.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" != 0 ]; then
    echo "The tests that look at the page will be skipped: there is no Chromium, and only root can install it." >&2
elif ! command -v apt-get >/dev/null 2>&1; then
    echo "The tests that look at the page will be skipped: there is no Chromium, and no apt-get to install it." >&2
elif ! { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null; }; then
    echo "The tests that look at the page will be skipped: apt-get could not install Chromium." >&2
fi
exit 0
