"""Drives a registry that it knows nothing of: services and messages come by reflection.

Called as `by_reflection.py ADDRESS TOKEN`. Ends with 0 and a last line `all is well` when the
registry answered as it promises; any surprise is an exception.
"""

import sys
import uuid

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICES = {
    "BuildingService", "CaseService", "CompoundService", "HistoryService", "ImportService",
    "RegionService", "RegistryService", "SearchService", "TotalsService", "UnitService",
    "WatchService",
}


class Registry:
    """Calls by name; requests and answers as plain dictionaries in canonical JSON's form."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(address)
        self.metadata = [("authorization", "Bearer " + token)]
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def method(self, service, name):
        found = self.pool.FindServiceByName("anju.v1." + service).FindMethodByName(name)
        assert found is not None, f"{service} has no {name}"
        request = message_factory.GetMessageClass(found.input_type)
        answer = message_factory.GetMessageClass(found.output_type)
        stub = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        call = stub(
            f"/anju.v1.{service}/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )
        return call, request

    def call(self, service, name, fields, metadata=None):
        call, request = self.method(service, name)
        message = json_format.ParseDict(fields, request())
        answer = call(message, metadata=self.metadata if metadata is None else metadata, timeout=30)
        return json_format.MessageToDict(answer)

    def create(self, kind, fields, **more):
        request = {"context": {"requestId": str(uuid.uuid4())}, "fields": fields, **more}
        answer = self.call(f"{kind}Service", f"Create{kind}", request)
        return answer[kind.lower()]["id"], answer

    def refused(self, service, name, fields, metadata=None):
        """The code of a refusal, and its details by the name of their type."""
        try:
            answer = self.call(service, name, fields, metadata)
        except grpc.RpcError as error:
            return error.code(), dict(details(error))
        raise AssertionError(f"{service}/{name} accepted {fields}: {answer}")


# The messages of google.rpc that errors carry, as far as they are asked for here.
DETAILS = {
    "google.rpc.ErrorInfo": {1: "reason", 2: "domain"},
    "google.rpc.BadRequest": {1: "field_violations"},
}


def fields_of(data):
    """The length-delimited fields of a message, without knowing its type."""
    at = 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 2:
            length = number()
            yield key >> 3, data[at:at + length]
            at += length
        elif key & 7 == 0:
            yield key >> 3, number()
        else:
            raise AssertionError(f"wire type {key & 7}")


def details(error):
    packed = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    assert packed is not None, "an error without details"
    for tag, value in fields_of(packed):
        if tag == 3:
            any_of = dict(fields_of(value))
            name = any_of[1].decode().removeprefix("type.googleapis.com/")
            yield name, list(fields_of(any_of[2]))


def violations(found):
    """Field and reason of each violation of a BadRequest."""
    for tag, value in found["google.rpc.BadRequest"]:
        if tag == 1:
            parts = dict(fields_of(value))
            yield parts[1].decode(), parts[3].decode()


def city(registry):
    """A province, a city with a partition of its own, and all levels below; the community's id."""
    parent = None
    for level, name in [
        ("PROVINCE", "河南省"), ("CITY", "洛阳市"), ("DISTRICT", "西工区"), ("STREET", "王城路街道"),
        ("COMMUNITY", "第一社区"),
    ]:
        fields = {"level": "REGION_LEVEL_" + level, "name": name}
        if parent is not None:
            fields["parentId"] = parent
        more = {"existsFrom": "<2023-07-01", "opensPartition": level == "CITY"}
        parent, _ = registry.create("Region", fields, **more)
    return parent


def tell_and_ask(registry):
    community = city(registry)
    compound, _ = registry.create(
        "Compound", {"name": "涧河小区", "communityId": community}, existsFrom="1985")
    building, created = registry.create(
        "Building",
        {"name": "1号楼", "compoundId": compound, "completed": "1985",
         "structure": "STRUCTURE_BRICK_CONCRETE", "floorAreaCm2": "21505000"},
        existsFrom="1985")
    registry.call("BuildingService", "ChangeBuilding", {
        "context": {"requestId": str(uuid.uuid4())}, "id": building, "from": "2020-06-01",
        "fields": {"floorAreaCm2": "30000000"}, "updateMask": "floorAreaCm2"})

    def area(day):
        asked = {"id": building, "context": {"readTime": {"validAt": day}}}
        answer = registry.call("BuildingService", "GetBuilding", asked)["building"]
        return answer["life"]["presence"], answer["fields"]["floorAreaCm2"]

    assert area("2020-05-31") == ("PRESENCE_EXISTS", "21505000"), area("2020-05-31")
    assert area("2020-06-01") == ("PRESENCE_EXISTS", "30000000"), area("2020-06-01")
    unit, _ = registry.create(
        "Unit", {"buildingId": building, "entrance": "1", "number": "101"}, existsFrom="1985")
    listed = registry.call("UnitService", "ListUnits", {"buildingId": building})["units"]
    assert [one["id"] for one in listed] == [unit], listed
    return building, created


def follow(registry, created):
    """The feed gives the entry of the building that was made."""
    partition, seq = created["receipt"]["commitToken"].split(":")
    call, request = registry.method("WatchService", "Watch")
    feed = call(request(after=[f"{partition}:{int(seq) - 1}"]), metadata=registry.metadata)
    first = json_format.MessageToDict(next(iter(feed)))
    feed.cancel()
    assert first["entry"]["position"] == f"{partition}:{seq}", first


def refusals(registry, building):
    code, found = registry.refused("BuildingService", "CreateBuilding", {
        "context": {"requestId": "no uuid"}, "fields": {"name": " ", "completed": "last year"}})
    assert code == grpc.StatusCode.INVALID_ARGUMENT, code
    information = dict(found["google.rpc.ErrorInfo"])
    assert (information[1], information[2]) == (b"INVALID_REQUEST", b"anju"), information
    wrong = dict(violations(found))
    for path, reason in [("context.request_id", "MALFORMED"), ("fields.completed", "MALFORMED"),
                         ("exists_from", "REQUIRED")]:
        assert wrong.get(path) == reason, wrong
    code, found = registry.refused("BuildingService", "GetBuilding", {"id": building}, metadata=[])
    assert code == grpc.StatusCode.UNAUTHENTICATED, code
    assert dict(found["google.rpc.ErrorInfo"])[1] == b"TOKEN_MISSING", found
    code, _ = registry.refused(
        "BuildingService", "GetBuilding", {"id": building[:-4] + "0000"})
    assert code == grpc.StatusCode.NOT_FOUND, code


def main():
    address, token = sys.argv[1:]
    registry = Registry(address, token)
    names = set(registry.database.get_services())
    missing = {"anju.v1." + name for name in SERVICES} - names
    assert not missing, missing
    assert "grpc.health.v1.Health" in names, names
    building, created = tell_and_ask(registry)
    follow(registry, created)
    refusals(registry, building)
    print("all is well")


main()
