"""The parts of rendering: templates in leaves, YAML out, addresses, digests, release data."""

import ipaddress
import itertools
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from supafleet.content import content_root
from supafleet.stack.digest import files_digest
from supafleet.stack.documents import dump_yaml
from supafleet.stack.errors import RenderError
from supafleet.stack.network import plan_addresses
from supafleet.stack.release import load_release, load_sizes, release_names
from supafleet.stack.settings import SERVICES
from supafleet.stack.templating import render_text, render_tree


class TestTemplates:
    def test_leaves_are_rendered_once(self):
        assert render_tree({"a": ["{{ x }}"]}, {"x": "{{ y }}"}, "here") == {"a": ["{{ y }}"]}

    def test_a_value_cannot_change_the_structure(self):
        tree = render_tree({"password": "{{ x }}"}, {"x": "a\nb: c"}, "here")
        assert yaml.safe_load(dump_yaml(tree, "x")) == {"password": "a\nb: c"}

    @pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (7, "7"), ("", "")])
    def test_values_become_text(self, value, text):
        assert render_text("{{ x }}", {"x": value}, "here") == text

    @pytest.mark.parametrize(
        "template", ["{{ missing }}", "{{ x.missing }}", "{{ none }}", "{{ x", "{{ x.__class__.mro() }}"]
    )
    def test_a_wrong_template_names_its_place(self, template):
        with pytest.raises(RenderError, match=r"^auth\.yml: "):
            render_text(template, {"x": "text", "none": None}, "auth.yml")

    def test_a_value_keeps_its_type_when_asked(self):
        assert render_tree({"allow": {"value_of": "x"}}, {"x": ["a"]}, "here") == {"allow": ["a"]}

    def test_list_items_can_depend_on_a_condition(self):
        tree = [{"when": "x", "name": "on"}, {"when": "not x", "name": "off"}, {"name": "always"}]
        assert render_tree(tree, {"x": True}, "here") == [{"name": "on"}, {"name": "always"}]


class TestDocuments:
    scalars = st.text() | st.booleans() | st.integers() | st.none()
    trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)

    @given(trees)
    def test_data_comes_back_as_it_was(self, tree):
        assert yaml.safe_load(dump_yaml({"tree": tree}, "Heading")) == {"tree": tree}

    def test_text_that_another_program_expands_is_quoted(self):
        assert 'key: "${TOKEN?message}"' in dump_yaml({"key": "${TOKEN?message}"}, "Heading")

    def test_repeated_values_are_written_out(self):
        same = {"codec": "json"}
        assert "&" not in dump_yaml({"a": same, "b": same}, "Heading")


class TestAddresses:
    @given(st.integers(16, 27), st.integers(0, 2**16 - 1))
    def test_the_log_receiver_is_outside_the_range_of_the_engine(self, prefix, number):
        base = ipaddress.IPv4Address("10.0.0.0") + (number << 16 >> (32 - prefix) << (32 - prefix) & 0xFFFFFF)
        network = ipaddress.IPv4Network(f"{base}/{prefix}", strict=False)
        plan = plan_addresses(str(network))
        receiver = ipaddress.IPv4Address(plan.log_receiver)
        given_out = ipaddress.IPv4Network(plan.ip_range)
        assert receiver in network
        assert receiver not in given_out
        assert receiver != network.broadcast_address
        assert ipaddress.IPv4Address(plan.gateway) in given_out
        assert given_out.num_addresses - 3 >= 13 - 1  # all containers but the receiver


class TestDigest:
    def test_it_depends_on_key_path_and_content(self):
        base = files_digest("key", {"a": "b"})
        assert base != files_digest("other", {"a": "b"})
        assert base != files_digest("key", {"a": "c"})
        assert base != files_digest("key", {"c": "b"})
        assert base == files_digest("key", {"a": "b"})

    def test_the_order_of_the_files_does_not_count(self):
        assert files_digest("key", {"a": "1", "b": "2"}) == files_digest("key", {"b": "2", "a": "1"})

    @given(
        st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
        st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    )
    def test_different_files_have_different_digests(self, left, right):
        assert (files_digest("key", left) == files_digest("key", right)) == (left == right)


class TestReleaseData:
    @pytest.mark.parametrize("name", release_names(content_root()))
    def test_a_release_is_complete(self, name):
        release = load_release(content_root(), name)
        assert list(release.services) == list(SERVICES)
        assert all(":" in image for image in release.images.values())

    def test_every_size_limits_every_service(self):
        for name, size in load_sizes(content_root()).items():
            assert list(size.limits) == list(SERVICES), name

    def test_sizes_grow(self):
        sizes = list(load_sizes(content_root()).values())
        for smaller, larger in itertools.pairwise(sizes):
            for service in SERVICES:
                before, after = smaller.limits[service], larger.limits[service]
                assert int(before.memory[:-1]) <= int(after.memory[:-1]), service
                assert before.cpus <= after.cpus, service
                assert before.pids <= after.pids, service

    def test_the_main_service_of_functions_needs_no_network_to_start(self):
        text = load_release(content_root(), "2026.09").text("functions/main/index.ts")
        assert not re.search(r"^\s*import\b|\bimport\(|\bfrom\s+[\"']|https?://|jsr:|npm:", text, re.MULTILINE)

    def test_an_import_map_reaches_the_runtime_where_it_reads_it(self):
        text = load_release(content_root(), "2026.09").text("functions/main/index.ts")
        lines = [line.strip() for line in text.splitlines() if "importMapPath" in line]
        assert len(lines) == 1
        assert lines[0].startswith("context: { importMapPath: ")
