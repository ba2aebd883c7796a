"""Looks for pages on the loopback interface, as Home Assistant does (python-zeroconf), and prints each: its type, name,
host, port and addresses."""
import sys
import time
from zeroconf import ServiceBrowser, Zeroconf


class Listener:
    def add_service(self, zeroconf, kind, name):
        info = zeroconf.get_service_info(kind, name, timeout=5000)
        if info:
            print(kind, name, info.server, info.port, *info.parsed_addresses(), sep="|", flush=True)

    def update_service(self, *_):
        pass

    def remove_service(self, zeroconf, kind, name):
        print("gone", kind, name, sep="|", flush=True)


zeroconf = Zeroconf(interfaces=["127.0.0.1"])
ServiceBrowser(zeroconf, sys.argv[1:], Listener())
time.sleep(60)
